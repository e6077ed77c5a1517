"""What pages, sums and files are made from: one read model per file, read from `bids.models`. Writes nothing."""
