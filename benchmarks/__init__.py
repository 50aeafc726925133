"""The speed goals of the design, measured as ratios against something run beside them."""
