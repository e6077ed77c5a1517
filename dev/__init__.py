"""What `make` runs on a developer's machine and on CI: the virtual environment, an embedded PostgreSQL and
Valkey, the local site, the whole test run.

Standard library only, no Django: it has to work before anything is installed. Started from the Makefile and
the root conftest; nothing of the product imports it.
"""
