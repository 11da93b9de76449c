"""A module for each command; what several of them share lies in the folder above."""
