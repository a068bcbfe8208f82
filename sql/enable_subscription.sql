alter subscription narthex enable
