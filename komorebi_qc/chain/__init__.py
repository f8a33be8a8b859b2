"""A chain of contacts: one unified recording for each agent's contact, and an overview of who had the call when."""
