"""Where sound comes from: microphones, recordings, and either at a set pace."""
