"""An example of a processor: the database of a shop, with generated people. All of them are invented."""

from lethe_example_shop.load import create_roles, load
from lethe_example_shop.person import DEMO_PERSON, Person, customer_no, person_number

__all__ = ["DEMO_PERSON", "Person", "create_roles", "customer_no", "load", "person_number"]
