"""The spine: what stands around every read and every write, whoever asks and by whatever way."""
