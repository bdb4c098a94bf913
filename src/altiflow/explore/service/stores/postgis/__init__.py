"""Catalogues in PostgreSQL with PostGIS; needs the extra ``postgres``."""

from altiflow.explore.service.stores.postgis.address import Database
from altiflow.explore.service.stores.postgis.loading import load_catalogue
from altiflow.explore.service.stores.postgis.loads import Load
from altiflow.explore.service.stores.postgis.schema import migrate_database
from altiflow.explore.service.stores.postgis.store import PostgisStore, open_stores

__all__ = ["Database", "Load", "PostgisStore", "load_catalogue", "migrate_database", "open_stores"]
