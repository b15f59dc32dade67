-- What somebody who knows the example shop would write: each statement takes the ids of a batch of customers.

DELETE FROM shop.returns WHERE order_id IN (SELECT id FROM shop.orders WHERE customer_id = ANY ($1::bigint[]));
DELETE FROM shop.order_items WHERE order_id IN (SELECT id FROM shop.orders WHERE customer_id = ANY ($1::bigint[]));
UPDATE shop.support_visits SET customer_id = NULL, order_id = NULL, details = details - 'contact' - 'transcript'
 WHERE customer_id = ANY ($1::bigint[]);
UPDATE shop.reviews SET customer_id = NULL, author_name = 'deleted', body = NULL WHERE customer_id = ANY ($1::bigint[]);
DELETE FROM shop.orders WHERE customer_id = ANY ($1::bigint[]);
DELETE FROM shop.loyalty_events
 WHERE account_id IN (SELECT id FROM shop.loyalty_accounts WHERE customer_id = ANY ($1::bigint[]));
DELETE FROM shop.loyalty_accounts WHERE customer_id = ANY ($1::bigint[]);
DELETE FROM shop.payment_cards WHERE customer_id = ANY ($1::bigint[]);
DELETE FROM shop.loan_payments
 WHERE loan_id IN (SELECT id FROM shop.loans WHERE customer_id = ANY ($1::bigint[]) AND outstanding <= 0);
DELETE FROM shop.loans WHERE customer_id = ANY ($1::bigint[]) AND outstanding <= 0;
UPDATE shop.gift_cards SET buyer_id = NULL WHERE buyer_id = ANY ($1::bigint[]);
UPDATE shop.gift_cards SET recipient_id = NULL, recipient_email = NULL, message = NULL
 WHERE recipient_id = ANY ($1::bigint[]);
WITH gone AS (DELETE FROM shop.customer_addresses WHERE customer_id = ANY ($1::bigint[]) RETURNING address_id)
DELETE FROM shop.addresses AS a USING gone
 WHERE a.id = gone.address_id
   AND NOT EXISTS (SELECT FROM shop.customer_addresses AS c
                    WHERE c.address_id = a.id AND c.customer_id <> ALL ($1::bigint[]))
   AND NOT EXISTS (SELECT FROM shop.orders AS o WHERE o.shipping_address_id = a.id);
UPDATE shop.customers SET referred_by = NULL WHERE referred_by = ANY ($1::bigint[]);
DELETE FROM shop.customers AS c
 WHERE id = ANY ($1::bigint[]) AND NOT EXISTS (SELECT FROM shop.loans AS l WHERE l.customer_id = c.id);

-- looking again
SELECT count(*) FROM shop.orders WHERE customer_id = ANY ($1::bigint[]);
SELECT count(*) FROM shop.payment_cards WHERE customer_id = ANY ($1::bigint[]);
SELECT count(*) FROM shop.loyalty_accounts WHERE customer_id = ANY ($1::bigint[]);
SELECT count(*) FROM shop.support_visits WHERE customer_id = ANY ($1::bigint[]);
SELECT count(*) FROM shop.reviews WHERE customer_id = ANY ($1::bigint[]);
