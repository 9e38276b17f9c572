"""The program that backs MariaDB up; runs in its image, with the standard library alone. See ``__main__``."""
