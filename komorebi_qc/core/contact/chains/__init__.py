"""Chains of contacts: transfers and consultations of one call, each with a contact and an agent of its own. Pure."""
