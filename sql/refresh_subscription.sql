alter subscription narthex refresh publication
