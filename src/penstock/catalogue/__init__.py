"""Which models exist, where do they come from, where do they run?"""
