"""Workers past one machine: files to read and to copy."""
