# One image for web, live, worker, beat and release, which differ in their command only: see docker-compose.yml.
FROM python:3.11.14-slim-bookworm AS build
# The packages of PostgreSQL's own repository: Debian's client is older than the server.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates postgresql-common \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y
COPY requirements.txt /
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --no-deps --require-hashes --requirement /requirements.txt

FROM python:3.11.14-slim-bookworm
COPY --from=build /usr/share/postgresql-common/pgdg /usr/share/postgresql-common/pgdg
COPY --from=build /etc/apt/sources.list.d/pgdg.* /etc/apt/sources.list.d/
# The major version of the server in docker-compose.yml; that repository keeps the newest minor version only.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client-18 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /tmp bulq \
    && install --directory --owner=bulq /var/lib/bulq/static /var/lib/bulq/schedule /var/lib/bulq/work /var/lib/bulq/backups
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY . .
RUN python -m compileall -q .
USER 10001
