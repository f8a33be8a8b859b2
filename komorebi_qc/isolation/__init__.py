"""Work in a process of its own, with limits of time and memory: it may crash, hang or grow without harm to others."""
