"""What neighbours say of a displacement: tests of it, and the filling of gaps."""
