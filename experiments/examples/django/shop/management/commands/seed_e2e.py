"""Make what an end-to-end test works with."""

import os
import time

from django.core.management.base import BaseCommand

from shop.e2e import DOMAIN
from shop.models import Customer, Order, OrderLine, Review


class Command(BaseCommand):
    """A customer with an order; in every third cycle or so one who writes a review."""

    help = __doc__

    def handle(self, *args, **options):
        """Make it."""
        seed = int(os.environ.get("HARNESS_SEED", time.time_ns()))
        customer = Customer.objects.create(email=f"user-{seed}{DOMAIN}")
        order = Order.objects.create(customer=customer)
        for article in ("tea", "milk"):
            OrderLine.objects.create(order=order, article=article)
        if seed % 3 == 0:
            Review.objects.create(customer=customer, text="fast delivery")
