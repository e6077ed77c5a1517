"""What pages, sums and files are read from: one read model a file, made of `bids.models`. Writes nothing."""
