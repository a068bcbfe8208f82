alter subscription narthex disable
