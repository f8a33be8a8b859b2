"""Amazon Connect's own record of a contact: its shape, the choice of the call audio by it, and its facts. Pure."""
