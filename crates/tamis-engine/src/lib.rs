//! The one service layer: every use case once, request to response.
