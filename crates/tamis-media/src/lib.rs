//! Opens media safely: probe, decode, thumbnails, drawing.
