"""checkov as a second opinion: the program's resources as a Terraform plan, and what checkov says about it."""
