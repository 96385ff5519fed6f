"""The operator's command line: what has to be done around the engine, on real accounts and in the sandbox alike."""
