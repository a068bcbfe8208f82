drop subscription narthex
