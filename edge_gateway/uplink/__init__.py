"""From the spool to the broker: which batch next (`delivery`, pure), one session after the other, receipts back."""
