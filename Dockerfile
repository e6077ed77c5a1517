# One image for web, live, worker, beat and release, which differ only in their command: see docker-compose.yml.
FROM python:3.11.14-slim-bookworm AS build
# From PostgreSQL's own repository, because Debian's client is older than the server.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates postgresql-common \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y
COPY requirements.txt /
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-cache-dir --no-deps --require-hashes --requirement /requirements.txt

FROM python:3.11.14-slim-bookworm
# The server's major version, as in docker-compose.yml: backups refuse older and newer tools. The repository keeps only
# the newest minor version.
ARG POSTGRES=18
COPY --from=build /usr/share/postgresql-common/pgdg /usr/share/postgresql-common/pgdg
COPY --from=build /etc/apt/sources.list.d/pgdg.* /etc/apt/sources.list.d/
# Nothing more is installed, so pip is removed.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends "postgresql-client-$POSTGRES" \
    && rm -rf /var/lib/apt/lists/* \
    && pip uninstall --yes --quiet setuptools wheel pip \
    && rm -rf /usr/local/lib/python3.*/ensurepip /usr/local/bin/pip* \
    && useradd --system --uid 10001 --home-dir /tmp bulq \
    && install --directory --owner=bulq /var/lib/bulq/static /var/lib/bulq/schedule /var/lib/bulq/work /var/lib/bulq/backups
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY . .
RUN python -m compileall -q .
USER 10001
