"""The policy pack: what a stack must hold before the engine may touch it, and the table of controls that it proves."""
