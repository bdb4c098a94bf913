"""Reading a granule of full size, from afar and from disk: altiflow's engines beside what people use today."""
