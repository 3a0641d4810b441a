"""What humans said of rows: the durable record, what it adds up to, how far reviewers agree, and which rows come next."""
