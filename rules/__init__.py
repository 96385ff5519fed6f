"""What the settings must hold: pure, without Pulumi and without the network."""
