"""The one path from a Search to an Answer: prepare, finish, cite, decline."""
