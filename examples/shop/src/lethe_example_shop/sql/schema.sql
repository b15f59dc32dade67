-- The shop's own schema. Nothing in it knows Lethe; examples/register/datasets/shop.yaml describes it.

CREATE SCHEMA IF NOT EXISTS shop;

CREATE TABLE IF NOT EXISTS shop.products (
    id bigint PRIMARY KEY,
    sku text NOT NULL UNIQUE,
    name text NOT NULL,
    price numeric(10, 2) NOT NULL
);

CREATE TABLE IF NOT EXISTS shop.customers (
    id bigint PRIMARY KEY,
    customer_no text NOT NULL UNIQUE,
    email text NOT NULL,
    phone text,
    first_name text NOT NULL,
    last_name text NOT NULL,
    date_of_birth date,
    password_hash text NOT NULL,
    language char(2) NOT NULL,
    referred_by bigint REFERENCES shop.customers (id),
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS customers_email ON shop.customers (lower(email));
CREATE INDEX IF NOT EXISTS customers_phone ON shop.customers (regexp_replace(phone, '[^0-9]', '', 'g'));
CREATE INDEX IF NOT EXISTS customers_referred_by ON shop.customers (referred_by) WHERE referred_by IS NOT NULL;

-- one address, several people of a household
CREATE TABLE IF NOT EXISTS shop.addresses (
    id bigint PRIMARY KEY,
    street text NOT NULL,
    postal_code text NOT NULL,
    city text NOT NULL,
    country char(2) NOT NULL,
    doorbell_names text
);

CREATE TABLE IF NOT EXISTS shop.customer_addresses (
    customer_id bigint NOT NULL REFERENCES shop.customers (id),
    address_id bigint NOT NULL REFERENCES shop.addresses (id),
    label text NOT NULL,
    PRIMARY KEY (customer_id, address_id)
);
CREATE INDEX IF NOT EXISTS customer_addresses_address ON shop.customer_addresses (address_id);

CREATE TABLE IF NOT EXISTS shop.payment_cards (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES shop.customers (id),
    holder_name text NOT NULL,
    last_digits char(4) NOT NULL,
    expires_on date NOT NULL
);
CREATE INDEX IF NOT EXISTS payment_cards_customer ON shop.payment_cards (customer_id);

CREATE TABLE IF NOT EXISTS shop.orders (
    id bigint PRIMARY KEY,
    order_no text NOT NULL UNIQUE,
    customer_id bigint NOT NULL REFERENCES shop.customers (id),
    shipping_address_id bigint REFERENCES shop.addresses (id),
    contact_email text,
    status text NOT NULL,
    total numeric(10, 2) NOT NULL,
    placed_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS orders_customer ON shop.orders (customer_id);
CREATE INDEX IF NOT EXISTS orders_address ON shop.orders (shipping_address_id);
CREATE INDEX IF NOT EXISTS orders_contact_email ON shop.orders (lower(contact_email));

CREATE TABLE IF NOT EXISTS shop.order_items (
    order_id bigint NOT NULL REFERENCES shop.orders (id),
    line_no smallint NOT NULL,
    product_id bigint NOT NULL REFERENCES shop.products (id),
    quantity integer NOT NULL,
    engraving text,
    PRIMARY KEY (order_id, line_no)
);

CREATE TABLE IF NOT EXISTS shop.returns (
    id bigint PRIMARY KEY,
    order_id bigint NOT NULL,
    line_no smallint NOT NULL,
    reason text,
    requested_at timestamptz NOT NULL,
    FOREIGN KEY (order_id, line_no) REFERENCES shop.order_items (order_id, line_no)
);
CREATE INDEX IF NOT EXISTS returns_item ON shop.returns (order_id, line_no);

CREATE TABLE IF NOT EXISTS shop.loyalty_accounts (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL UNIQUE REFERENCES shop.customers (id),
    tier text NOT NULL,
    points integer NOT NULL
);

CREATE TABLE IF NOT EXISTS shop.loyalty_events (
    id bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES shop.loyalty_accounts (id),
    kind text NOT NULL,
    points integer NOT NULL,
    happened_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS loyalty_events_account ON shop.loyalty_events (account_id);

-- the visit stays for statistics; who it was goes
CREATE TABLE IF NOT EXISTS shop.support_visits (
    id uuid PRIMARY KEY,
    customer_id bigint REFERENCES shop.customers (id),
    order_id bigint REFERENCES shop.orders (id),
    visited_at timestamptz NOT NULL,
    details jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS support_visits_customer ON shop.support_visits (customer_id);
CREATE INDEX IF NOT EXISTS support_visits_order ON shop.support_visits (order_id);
CREATE INDEX IF NOT EXISTS support_visits_email ON shop.support_visits (lower(details #>> '{contact,email}'));
CREATE INDEX IF NOT EXISTS support_visits_phone
    ON shop.support_visits (regexp_replace(details #>> '{contact,phone}', '[^0-9]', '', 'g'));

-- the rating stays, its author goes
CREATE TABLE IF NOT EXISTS shop.reviews (
    id bigint PRIMARY KEY,
    customer_id bigint REFERENCES shop.customers (id),
    product_id bigint NOT NULL REFERENCES shop.products (id),
    rating smallint NOT NULL CHECK (rating BETWEEN 1 AND 5),
    author_name varchar(40) NOT NULL,
    body text,
    written_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS reviews_customer ON shop.reviews (customer_id);

-- found by e-mail alone: subscribers need no account
CREATE TABLE IF NOT EXISTS shop.newsletter_subscriptions (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    topics text[] NOT NULL,
    subscribed_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS newsletter_email ON shop.newsletter_subscriptions (lower(email));

-- asked before anything is sent, whether the address is known otherwise or not
CREATE TABLE IF NOT EXISTS shop.do_not_contact (
    email text NOT NULL,
    purpose text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (email, purpose)
);
CREATE INDEX IF NOT EXISTS do_not_contact_email ON shop.do_not_contact (lower(email));

-- kept by law while something is owed and until keep_until
CREATE TABLE IF NOT EXISTS shop.loans (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES shop.customers (id),
    borrower_name text NOT NULL,
    principal numeric(10, 2) NOT NULL,
    outstanding numeric(10, 2) NOT NULL,
    opened_on date NOT NULL,
    keep_until date
);
CREATE INDEX IF NOT EXISTS loans_customer ON shop.loans (customer_id);

CREATE TABLE IF NOT EXISTS shop.loan_payments (
    loan_id bigint NOT NULL REFERENCES shop.loans (id),
    paid_on date NOT NULL,
    amount numeric(10, 2) NOT NULL,
    PRIMARY KEY (loan_id, paid_on)
);

-- two people in one row: who bought it and who was given it
CREATE TABLE IF NOT EXISTS shop.gift_cards (
    id bigint PRIMARY KEY,
    buyer_id bigint REFERENCES shop.customers (id),
    recipient_id bigint REFERENCES shop.customers (id),
    recipient_email text,
    message text,
    value numeric(10, 2) NOT NULL,
    bought_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS gift_cards_buyer ON shop.gift_cards (buyer_id);
CREATE INDEX IF NOT EXISTS gift_cards_recipient ON shop.gift_cards (recipient_id);
CREATE INDEX IF NOT EXISTS gift_cards_recipient_email ON shop.gift_cards (lower(recipient_email));

-- a schema that was made before there was this column is brought along
ALTER TABLE shop.customers ADD COLUMN IF NOT EXISTS restricted boolean NOT NULL DEFAULT FALSE;
ALTER TABLE shop.newsletter_subscriptions ADD COLUMN IF NOT EXISTS restricted boolean NOT NULL DEFAULT FALSE;

-- what the shop's staff and programs read: nothing of a customer whose data is restricted
CREATE OR REPLACE VIEW shop.customers_in_use AS SELECT * FROM shop.customers WHERE NOT restricted;
CREATE OR REPLACE VIEW shop.customer_addresses_in_use AS
    SELECT t.* FROM shop.customer_addresses t JOIN shop.customers_in_use c ON c.id = t.customer_id;
CREATE OR REPLACE VIEW shop.payment_cards_in_use AS
    SELECT t.* FROM shop.payment_cards t JOIN shop.customers_in_use c ON c.id = t.customer_id;
CREATE OR REPLACE VIEW shop.orders_in_use AS
    SELECT t.* FROM shop.orders t JOIN shop.customers_in_use c ON c.id = t.customer_id;
CREATE OR REPLACE VIEW shop.loyalty_accounts_in_use AS
    SELECT t.* FROM shop.loyalty_accounts t JOIN shop.customers_in_use c ON c.id = t.customer_id;
CREATE OR REPLACE VIEW shop.loans_in_use AS
    SELECT t.* FROM shop.loans t JOIN shop.customers_in_use c ON c.id = t.customer_id;
CREATE OR REPLACE VIEW shop.order_items_in_use AS
    SELECT t.* FROM shop.order_items t JOIN shop.orders_in_use o ON o.id = t.order_id;
CREATE OR REPLACE VIEW shop.returns_in_use AS
    SELECT t.* FROM shop.returns t JOIN shop.orders_in_use o ON o.id = t.order_id;
CREATE OR REPLACE VIEW shop.loyalty_events_in_use AS
    SELECT t.* FROM shop.loyalty_events t JOIN shop.loyalty_accounts_in_use a ON a.id = t.account_id;
CREATE OR REPLACE VIEW shop.loan_payments_in_use AS
    SELECT t.* FROM shop.loan_payments t JOIN shop.loans_in_use l ON l.id = t.loan_id;
-- those of nobody any more stay visible
CREATE OR REPLACE VIEW shop.support_visits_in_use AS
    SELECT t.* FROM shop.support_visits t LEFT JOIN shop.customers c ON c.id = t.customer_id
    WHERE c.restricted IS NOT TRUE;
CREATE OR REPLACE VIEW shop.reviews_in_use AS
    SELECT t.* FROM shop.reviews t LEFT JOIN shop.customers c ON c.id = t.customer_id WHERE c.restricted IS NOT TRUE;
CREATE OR REPLACE VIEW shop.newsletter_subscriptions_in_use AS
    SELECT * FROM shop.newsletter_subscriptions WHERE NOT restricted;
