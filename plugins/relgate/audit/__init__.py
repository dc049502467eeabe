"""The ledger as bytes: what a record is, how records are chained, how a chain is verified. No file is touched here."""
