"""From what is seen of a rollout to what is to be done. Pure, but for one read of the metrics (`observe`)."""
