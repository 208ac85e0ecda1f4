"""item"""
