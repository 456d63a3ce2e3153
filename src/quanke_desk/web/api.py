"""The API of the desk: operations of all rooms, and their OpenAPI at /api/openapi.json."""

from ninja import NinjaAPI

from quanke_desk.books.api import router as books
from quanke_desk.campaigns.api import router as campaigns
from quanke_desk.customers.api import router as customers
from quanke_desk.foundation.interface import may
from quanke_desk.foundation.roles import May
from quanke_desk.web.jobs_api import router as jobs
from quanke_desk.web.own_api import router as own
from quanke_desk.work.api import router as work
from quanke_desk.work.source_api import router as sources

api = NinjaAPI(title="Quanke desk", version="1", docs_url=None, openapi_url=None, auth=may(May.OWN))
api.add_router("/customers", customers)
api.add_router("/books", books)
api.add_router("/work", work)
api.add_router("/sources", sources)
api.add_router("/campaigns", campaigns)
api.add_router("/jobs", jobs)
api.add_router("", own)
