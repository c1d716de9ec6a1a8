"""For training loops of one's own: `moo.backward` fills the gradients that an aggregator makes of several
losses."""
