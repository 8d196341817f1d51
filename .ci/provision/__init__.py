"""What set-up does, one file a concern: apt packages, Rust, the virtual environment, Terraform, checkov, the stamp.

Standard library only: it runs before anything is installed. Each file keeps its decisions pure and apart from what
carries them out. It never calls sudo and never removes a package.
"""
