"""The network and the method: iterative attention mining (Cai et al., MICCAI 2018, arXiv:1807.00958)."""
