"""What goes over the wire: bodies are strict and refuse unknown fields, answers name every field."""
