"""The warehouse's own small API: parcels come in. It listens on this machine only and asks for no token."""

# Annotations are real objects here, because FastAPI reads them.
from typing import Annotated

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, StringConstraints

from lethe_example_warehouse.store import Parcel, Store
from lethe_participant import Participant

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class NewParcel(BaseModel):
    model_config = ConfigDict(extra="forbid")
    customer_id: Text
    email: Text
    recipient: Text
    street: Text
    city: Text
    contents: Text


def create_app(store: Store, participant: Participant) -> FastAPI:
    app = FastAPI(title="Warehouse, an invented product", docs_url=None, redoc_url=None)

    @app.get("/readyz")
    @app.get("/livez")
    def ready() -> dict[str, object]:
        return {"ok": True, "kafka": participant.connected}

    @app.post("/parcels", status_code=201)
    def take_in(new: NewParcel) -> dict[str, object]:
        store.take_in(
            [
                Parcel(
                    customer_token=participant.token_for("customer_id", new.customer_id),
                    email_token=participant.token_for("email", new.email),
                    recipient=new.recipient,
                    street=new.street,
                    city=new.city,
                    contents=new.contents,
                    weight_g=1000,
                    driver="",
                )
            ]
        )
        return {"taken": True}

    @app.get("/holds")
    def holds(email: str) -> dict[str, int]:
        """What there is of a person, for tests and demonstrations: numbers only."""
        return store.left_of([participant.token_for("email", email)])

    return app
