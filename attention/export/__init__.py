"""What leaves the package: bytes for the page, tables and pictures as files."""
