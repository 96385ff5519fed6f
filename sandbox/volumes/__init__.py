"""Stand-in for the CSI drivers of EBS and EFS: volumes for claims, made in the emulated AWS."""
