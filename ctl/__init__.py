"""CTL: spatial-temporal correlation and topology learning for person re-identification in videos (CVPR 2021)."""
