"""What the shop had before any test ran, in place of a copy of production data."""

from django.db import migrations


def add(apps, schema_editor):
    """Add 50 customers with two orders and a review each."""
    names = ("Customer", "Order", "OrderLine", "Review")
    model = {name: apps.get_model("shop", name) for name in names}
    for number in range(1, 51):
        customer = model["Customer"].objects.create(email=f"customer{number}@example.org")
        for article in ("tea", "coffee"):
            order = model["Order"].objects.create(customer=customer)
            model["OrderLine"].objects.create(order=order, article=article)
        model["Review"].objects.create(customer=customer, text="will come again")


class Migration(migrations.Migration):
    """Rows for the tables of 0001."""

    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
