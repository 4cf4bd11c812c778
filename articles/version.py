"""Which release this is: said in receipts, so that a reader of one knows what wrote it."""

VERSION = "0.1.0"
