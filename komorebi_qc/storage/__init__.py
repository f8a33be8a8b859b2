"""Items and media on AWS or on local disks, behind two protocols."""
