"""What MiniStack does otherwise than AWS, made right: one file a patch, applied in the server only."""
