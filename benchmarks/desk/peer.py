"""The peer: Django's own admin over a copy of the customers in PostgreSQL, served by the same server.

What an engineer stands up first: one table, an index on what is looked up, search and page of the admin.
Run as `python -m benchmarks.desk.peer fill HOME` with QUANKE_PEER_DATABASE, and served as WSGI from here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django
from django.conf import settings

from quanke_desk.web.places import database

COLUMNS = (
    "tier", "stage", "key_group", "owner_post", "branch", "age", "aum_mtd", "aum_90d", "deposit_balance",
    "fund_value", "insurance_value", "loan_balance", "salary_amount", "last_effective_contact_on",
)  # fmt: skip
"""Tags of the night that the peer's page shows, those that are there."""
NAME, PASSWORD = "peer", "quanke-demo-2026"

if not settings.configured:
    settings.configure(
        SECRET_KEY="a benchmark's",
        ALLOWED_HOSTS=["*"],
        DATABASES={"default": database("", os.environ.get("QUANKE_PEER_DATABASE", "peer.sqlite3"))},
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=[
            "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
            "django.contrib.messages", "django.contrib.admin",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        USE_TZ=True,
        STATIC_URL="/static/",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )  # fmt: skip
    django.setup()

from django.contrib import admin  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.urls import path  # noqa: E402


class Customer(models.Model):
    """One row per customer: name, phone and some tags."""

    name = models.TextField()
    phone = models.TextField(null=True, db_index=True)
    locals().update({column: models.TextField(null=True) for column in COLUMNS})

    class Meta:
        app_label = "admin"
        db_table = "peer_customer"


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Search by the beginning of a name or a phone, twenty a page."""

    list_display = ("name", "tier", "stage", "owner_post")
    search_fields = ("name__startswith", "phone__exact")
    list_per_page = 20


urlpatterns = [path("", admin.site.urls)]
application = get_wsgi_application()


def fill(home: str) -> None:
    """Copies customers of the last night of a home, as fast as PostgreSQL takes them."""
    import duckdb
    import numpy as np
    import pyarrow as pa
    from django.contrib.auth.models import User
    from django.core.management import call_command

    import quanke
    from quanke.bank.arranged import facts_sql

    bank = quanke.open(home)
    night = bank.night()
    call_command("migrate", verbosity=0, interactive=False)
    if connection.introspection.table_names().count("peer_customer") == 0:
        with connection.schema_editor() as editor:
            editor.create_model(Customer)
    known = [c for c in COLUMNS if c in night.columns]
    tags = night.read(["customer", *known])
    with duckdb.connect() as duck:
        duck.register("tags", tags)
        names = f"SELECT party, name, phone FROM ({facts_sql(bank.home, 'parties')})"
        register = bank.register.customer
        duck.register("numbers", pa.table({"party": np.arange(len(register)), "customer": register}))
        table = duck.execute(
            f"SELECT t.customer + 1 AS id, any_value(p.name) AS name, any_value(p.phone) AS phone, "
            f"{', '.join(f'any_value(t.{c})::VARCHAR AS {c}' for c in known)} "
            f"FROM tags AS t JOIN numbers USING (customer) JOIN ({names}) AS p USING (party) GROUP BY 1"
        )
        with connection.cursor() as cursor:
            words = ", ".join(["id", "name", "phone", *known])
            with cursor.copy(f"COPY peer_customer ({words}) FROM STDIN") as copy:
                while rows := table.fetchmany(50_000):
                    for row in rows:
                        copy.write_row(row)
            cursor.execute("CREATE INDEX ON peer_customer (name text_pattern_ops)")
            cursor.execute("ANALYZE peer_customer")
    if not User.objects.filter(username=NAME).exists():
        User.objects.create_superuser(NAME, password=PASSWORD)


if __name__ == "__main__":
    fill(str(Path(sys.argv[2])))
