"""A small shop: who buys there, what they ordered, and what they say about it."""

from django.db import models


class Customer(models.Model):
    """Somebody who buys."""

    email = models.EmailField(unique=True)


class Order(models.Model):
    """What a customer has ordered; a customer with orders cannot be deleted."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT)
    placed = models.DateTimeField(auto_now_add=True)


class OrderLine(models.Model):
    """One line of an order; it goes with its order."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE)
    article = models.CharField(max_length=50)
    number = models.PositiveIntegerField(default=1)


class Review(models.Model):
    """What a customer says; a customer with reviews cannot be deleted either."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT)
    text = models.TextField()
