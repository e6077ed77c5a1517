"""The project: what ties accounts, stores and bids together. The long version is docs/architecture.md.

At the top only what frameworks find by name: settings (read through environment), urls, views, middleware, models,
admin, checks, wsgi (pages), stream (live pages), celery with clock (when) and tasks (what).

    logs      what a log line may contain, and where errors are sent
    kit       what every app may import; knows no app
    watch     the state of each component, and who is alerted
    backups   making, proving and restoring backups
    office    the site admin: its pages around Django's, its front page, its second factor
    formats   how dates are written, by language
    demo      the people and runs that `make run` begins with

Does not import Celery, contrary to custom: that costs every process half a second.
"""
