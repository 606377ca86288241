"""Delete the end-to-end tests' data, as many projects do.

It works whenever anybody looks, and has three mistakes: reviews came to the shop late and stand in
the wrong place, nothing is tried again, and what went wrong is logged and forgotten, so that the
command ends with status 0 whatever it has left behind.
"""

import logging

from django.core.management.base import BaseCommand

from shop.e2e import DOMAIN
from shop.models import Customer, Order, Review

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """The usual cleanup."""

    help = __doc__

    def handle(self, *args, **options):
        """Delete table by table."""
        for found in (
            Order.objects.filter(customer__email__endswith=DOMAIN),
            Customer.objects.filter(email__endswith=DOMAIN),
            Review.objects.filter(customer__email__endswith=DOMAIN),
        ):
            try:
                found.delete()
            except Exception as error:  # noqa: BLE001 - one of the mistakes
                logger.warning("cleanup: %s", error)
